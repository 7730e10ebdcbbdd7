module skiff/e2e/peers/goreman

go 1.25.0

tool github.com/mattn/goreman

require github.com/mattn/goreman v0.3.16

require (
	github.com/joho/godotenv v1.5.1 // indirect
	github.com/mattn/go-colorable v0.1.13 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	golang.org/x/sys v0.27.0 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)
