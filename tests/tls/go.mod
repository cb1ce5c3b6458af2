module nbu-exporter/tests/tls

go 1.24
