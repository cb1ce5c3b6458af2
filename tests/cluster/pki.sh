# Certificates and kubeconfigs of a test cluster. Sourced, not run.
# shellcheck shell=bash

# new_authority FOLDER: a certificate authority of our own.
new_authority() {
    mkdir -p "$1"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj /CN=nbu-exporter-test-cluster \
        -addext keyUsage=critical,keyCertSign,cRLSign -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
}

# new_certificate FOLDER NAME SUBJECT [ALTERNATIVE_NAMES]: NAME.crt and NAME.key for a server and a client.
new_certificate() {
    local extensions="extendedKeyUsage=serverAuth,clientAuth"
    [[ -z ${4:-} ]] || extensions+=$'\n'"subjectAltName=$4"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$3" \
        -keyout "$1/$2.key" -out "$1/$2.csr" 2>/dev/null
    openssl x509 -req -in "$1/$2.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -days 365 \
        -set_serial "0x$(openssl rand -hex 16)" -extfile <(echo "$extensions") -out "$1/$2.crt" 2>/dev/null
    rm "$1/$2.csr"
}

# new_kubeconfig FILE SERVER FOLDER NAME: credentials of the certificate NAME, everything inside one file.
new_kubeconfig() {
    cat >"$1" <<KUBECONFIG
apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: $4}}]
clusters:
- name: test
  cluster:
    server: $2
    certificate-authority-data: $(base64 -w0 "$3/ca.crt")
users:
- name: $4
  user:
    client-certificate-data: $(base64 -w0 "$3/$4.crt")
    client-key-data: $(base64 -w0 "$3/$4.key")
KUBECONFIG
    chmod 600 "$1"
}
