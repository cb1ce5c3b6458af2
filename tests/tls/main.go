// Prints what Go's TLS client says to each chain of `chains/`: as verified by the roots, and with verification off.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

const name = "server.example"

func main() {
	files, err := filepath.Glob("chains/*.roots.pem")
	check(err)
	fmt.Println("# Made by `go run .`: chain, then TLS 1.2 and 1.3 with the roots, then both with InsecureSkipVerify.")
	for _, file := range files {
		chain := strings.TrimSuffix(file, ".roots.pem")
		text, err := os.ReadFile(file)
		check(err)
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(text)
		verified := &tls.Config{ServerName: name, RootCAs: roots}
		off := &tls.Config{ServerName: name, InsecureSkipVerify: true}
		row := []string{filepath.Base(chain)}
		for _, config := range []*tls.Config{verified, off} {
			for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
				row = append(row, verdict(chain+".pem", config, version))
			}
		}
		fmt.Println(strings.Join(row, "\t"))
	}
}

// verdict shakes hands with a server that has the chain.
func verdict(file string, config *tls.Config, version uint16) string {
	identity, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		return "no server"
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	defer listener.Close()
	client, err := net.Dial("tcp", listener.Addr().String())
	check(err)
	defer client.Close()
	server, err := listener.Accept()
	check(err)
	serving := make(chan error, 1)
	go func() {
		config := &tls.Config{Certificates: []tls.Certificate{identity}, MinVersion: version, MaxVersion: version}
		end := tls.Server(server, config)
		serving <- end.Handshake()
		server.Close()
	}()
	failure := tls.Client(client, config).Handshake()
	client.Close()
	atServer := <-serving
	switch {
	case failure == nil:
		return "taken"
	case strings.HasPrefix(failure.Error(), "remote error") || strings.Contains(failure.Error(), "EOF"):
		// Go's server can not do this with the key, so its client was not asked.
		return "no server: " + strings.TrimPrefix(atServer.Error(), "tls: ")
	default:
		// The time would be another one in each run.
		text, _, _ := strings.Cut(failure.Error(), ": current time")
		return strings.TrimPrefix(text, "tls: failed to verify certificate: ")
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
