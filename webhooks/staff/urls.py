"""Where the console's pages are."""

from django.urls import path

from .views import deliveries, home

app_name = "staff"

urlpatterns = [
    path("", home.Home.as_view(), name="home"),
    path("deliveries/", deliveries.Deliveries.as_view(), name="deliveries"),
]
