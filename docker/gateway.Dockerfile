# nginx with the one configuration; nginx/start.sh says which settings it takes.
FROM nginx:1.31-alpine
WORKDIR /srv
COPY nginx/start.sh nginx/gateway.conf.template nginx/
# The image's own entry point would edit a configuration that is not used.
ENTRYPOINT []
# The image's user "nginx".
USER 101:101
EXPOSE 8080
STOPSIGNAL SIGQUIT
CMD ["./nginx/start.sh"]
