#!/bin/sh
# Renders gateway.conf.template with the environment and becomes nginx.
#
#   BACKEND, FRONTEND   host:port of the upstreams; required
#   LISTEN              address and port                       0.0.0.0:8080
#   TRUSTED_PROXIES     addresses or networks of proxies in front of this one, whose X-Forwarded-For and
#                       X-Forwarded-Proto count; comma or space between them           none
#   MAX_BODY            largest request body                   2m
#   RESOLVER            DNS server                             the system's first
#   RUN_FOLDER          for the rendered files and nginx's own /tmp/gateway
#   NGINX_BINARY        the program ("NGINX" has a meaning of its own to nginx)   nginx
set -eu

fail() {
  echo "gateway: $*" >&2
  exit 1
}

system_resolver() {
  # An address with a zone (fe80::1%eth0) is none that nginx can use.
  found=$(awk '$1 == "nameserver" && $2 !~ /%/ { print $2; exit }' /etc/resolv.conf 2>/dev/null || true)
  case $found in
    *:*) echo "[$found]" ;;
    '') echo 127.0.0.1 ;;
    *) echo "$found" ;;
  esac
}

BACKEND=${BACKEND:?host:port of the backend}
FRONTEND=${FRONTEND:?host:port of the frontend}
LISTEN=${LISTEN:-0.0.0.0:8080}
MAX_BODY=${MAX_BODY:-2m}
RESOLVER=${RESOLVER:-$(system_resolver)}
RUN_FOLDER=${RUN_FOLDER:-/tmp/gateway}
TRUSTED_PROXIES=$(echo "${TRUSTED_PROXIES:-}" | tr ',' ' ')

# A value with a semicolon or a brace would be configuration of its own.
for value in "$BACKEND" "$FRONTEND" "$LISTEN" "$MAX_BODY" "$RESOLVER" "$RUN_FOLDER" $TRUSTED_PROXIES; do
  case $value in
    *[!]A-Za-z0-9._:/[-]*) fail "cannot use the value: $value" ;;
  esac
done

here=$(dirname "$0")
mkdir -p "$RUN_FOLDER"
: >"$RUN_FOLDER/real_ip.conf"
: >"$RUN_FOLDER/trusted_proxies.conf"
for proxy in $TRUSTED_PROXIES; do
  echo "set_real_ip_from $proxy;" >>"$RUN_FOLDER/real_ip.conf"
  echo "$proxy 1;" >>"$RUN_FOLDER/trusted_proxies.conf"
done
sed \
  -e "s|\${BACKEND}|$BACKEND|g" \
  -e "s|\${FRONTEND}|$FRONTEND|g" \
  -e "s|\${LISTEN}|$LISTEN|g" \
  -e "s|\${MAX_BODY}|$MAX_BODY|g" \
  -e "s|\${RESOLVER}|$RESOLVER|g" \
  -e "s|\${RUN_FOLDER}|$RUN_FOLDER|g" \
  "$here/gateway.conf.template" >"$RUN_FOLDER/nginx.conf"

exec "${NGINX_BINARY:-nginx}" -e stderr -p "$RUN_FOLDER" -c "$RUN_FOLDER/nginx.conf" -g 'daemon off;'
