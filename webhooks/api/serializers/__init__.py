"""What the API's requests and answers hold."""
