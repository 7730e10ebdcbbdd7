// A KMS plugin for tests, over Kubernetes' own service of version 2: it seals with AES-GCM by a key
// that is made of a file's first line, whose digest is the key's id. Who changes the file rotates
// the key; keys of lines that it has read stay known.
//
//	kms-plugin SOCKET KEYFILE
package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"k8s.io/kms/pkg/service"
)

const noteName = "note.example.com"

type plugin struct {
	file  string
	mutex sync.Mutex
	keys  map[string]cipher.AEAD
}

// Reads every line, and answers with the id of the first.
func (p *plugin) current() (string, error) {
	text, err := os.ReadFile(p.file)
	if err != nil {
		return "", err
	}
	first := ""
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, line := range strings.Fields(string(text)) {
		key := sha256.Sum256([]byte(line))
		digest := sha256.Sum256(key[:])
		id := hex.EncodeToString(digest[:8])
		block, err := aes.NewCipher(key[:])
		if err != nil {
			return "", err
		}
		if p.keys[id], err = cipher.NewGCM(block); err != nil {
			return "", err
		}
		if first == "" {
			first = id
		}
	}
	if first == "" {
		return "", fmt.Errorf("%s holds no key", p.file)
	}
	return first, nil
}

func (p *plugin) cipherOf(id string) (cipher.AEAD, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if sealer := p.keys[id]; sealer != nil {
		return sealer, nil
	}
	return nil, fmt.Errorf("no key %q", id)
}

func (p *plugin) Status(context.Context) (*service.StatusResponse, error) {
	id, err := p.current()
	if err != nil {
		return nil, err
	}
	return &service.StatusResponse{Version: "v2", Healthz: "ok", KeyID: id}, nil
}

func (p *plugin) Encrypt(_ context.Context, _ string, plain []byte) (*service.EncryptResponse, error) {
	id, err := p.current()
	if err != nil {
		return nil, err
	}
	sealer, err := p.cipherOf(id)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, sealer.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return &service.EncryptResponse{Ciphertext: sealer.Seal(nonce, nonce, plain, nil), KeyID: id,
		Annotations: map[string][]byte{noteName: []byte("of " + id)}}, nil
}

func (p *plugin) Decrypt(_ context.Context, _ string, req *service.DecryptRequest) ([]byte, error) {
	if string(req.Annotations[noteName]) != "of "+req.KeyID {
		return nil, fmt.Errorf("the annotation is not the one that was given")
	}
	sealer, err := p.cipherOf(req.KeyID)
	if err != nil {
		return nil, err
	}
	size := sealer.NonceSize()
	if len(req.Ciphertext) < size {
		return nil, fmt.Errorf("too short")
	}
	return sealer.Open(nil, req.Ciphertext[:size], req.Ciphertext[size:], nil)
}

func main() {
	p := &plugin{file: os.Args[2], keys: map[string]cipher.AEAD{}}
	os.Remove(os.Args[1])
	if err := service.NewGRPCService(os.Args[1], 5*time.Second, p).ListenAndServe(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
