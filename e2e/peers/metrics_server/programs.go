//go:build tools

// Package programs names what metrics_server.sh builds of another module, so that `go mod tidy` keeps it.
package programs

import _ "sigs.k8s.io/metrics-server/cmd/metrics-server"
