# One image for the web server and the delivery worker; compose.yaml says which.
FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY pyproject.toml requirements.lock ./
# One lock for everything: what was tested is what runs.
RUN /venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
COPY --from=build /venv /venv
COPY manage.py ./
COPY portal portal
COPY webhooks webhooks
COPY templates templates
RUN python manage.py collectstatic --noinput \
 && useradd --system --no-create-home portal
USER portal
ENV DEBUG=false
EXPOSE 8000
CMD ["python", "manage.py", "serve", "--bind", "0.0.0.0:8000"]
