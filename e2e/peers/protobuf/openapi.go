package main

import (
	"context"
	"encoding/json"
	"time"

	openapiv2 "github.com/google/gnostic-models/openapiv2"
	openapiv3 "github.com/google/gnostic-models/openapiv3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/client-go/kubernetes"
)

const (
	openAPIV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
	openAPIV3 = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
)

// Of everything that a schema may say.
const definition = `{
  "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
  "metadata": {"name": "lamps.example.com"},
  "spec": {
    "group": "example.com", "scope": "Namespaced", "names": {"plural": "lamps", "kind": "Lamp"},
    "versions": [{"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
      "schema": {"openAPIV3Schema": {"type": "object", "description": "A lamp.", "properties": {
        "spec": {"type": "object", "required": ["watts"], "default": {"watts": 5}, "properties": {
          "watts": {"type": "integer", "format": "int32", "minimum": -1, "maximum": 100,
                    "exclusiveMaximum": true, "multipleOf": 5, "default": 5},
          "ratio": {"type": "number", "default": 0},
          "color": {"type": "string", "enum": ["red", "1"], "pattern": "^[a-z]+$", "minLength": 1,
                    "maxLength": 10, "default": "red", "nullable": true},
          "lit": {"type": "boolean", "default": false},
          "port": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"},
                   {"type": "string"}]},
          "labels": {"type": "object", "additionalProperties": {"type": "string"},
                     "minProperties": 1, "maxProperties": 9},
          "parts": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"type": "object",
                    "required": ["name"], "properties": {"name": {"type": "string"}}},
                    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
          "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
          "one": {"type": "object",
                  "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
                  "allOf": [{"not": {"required": ["c"]}}], "properties": {"a": {"type": "string"},
                  "b": {"type": "string"}, "c": {"type": "string"}}}}}}}}}]}}`

// Writes the YAML in a message as JSON, which is YAML too: all that may differ.
func normalize(message protoreflect.Message) {
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.Kind() == protoreflect.StringKind && field.Name() == "yaml":
			var parsed any
			err := yaml.Unmarshal([]byte(value.String()), &parsed)
			check(err == nil, "yaml of %s: %v", message.Descriptor().Name(), err)
			message.Set(field, protoreflect.ValueOfString(string(must(json.Marshal(parsed)))))
		case field.Kind() == protoreflect.MessageKind && field.IsList():
			for i := range value.List().Len() {
				normalize(value.List().Get(i).Message())
			}
		case field.Kind() == protoreflect.MessageKind:
			normalize(value.Message())
		}
		return true
	})
}

// The first part in which two messages differ.
func difference(is, wanted protoreflect.Message) string {
	found := ""
	fields := wanted.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		a, b := is.Get(field), wanted.Get(field)
		if a.Equal(b) && is.Has(field) == wanted.Has(field) {
			continue
		}
		found = string(field.FullName())
		if field.Kind() != protoreflect.MessageKind {
			return found + ": " + a.String() + " for " + b.String()
		}
		if !field.IsList() {
			return found + " " + difference(a.Message(), b.Message())
		}
		for j := range min(a.List().Len(), b.List().Len()) {
			if !a.List().Get(j).Equal(b.List().Get(j)) {
				return found + " " + difference(a.List().Get(j).Message(), b.List().Get(j).Message())
			}
		}
		return found + ": another number"
	}
	return found
}

// kube-apiserver sends what gnostic makes of the JSON.
func same(name string, is, wanted proto.Message, bytes []byte) {
	err := proto.Unmarshal(bytes, is)
	check(err == nil, "%s cannot be read: %v", name, err)
	check(len(is.ProtoReflect().GetUnknown()) == 0, "%s has fields that nobody knows", name)
	normalize(is.ProtoReflect())
	normalize(wanted.ProtoReflect())
	if !proto.Equal(is, wanted) {
		check(false, "%s: %s", name, difference(is.ProtoReflect(), wanted.ProtoReflect()))
	}
	check(len(prototext.Format(is)) > 0, "%s is empty", name)
}

// Documents of OpenAPI as messages, of both versions and of all groups.
func checkOpenAPI(ctx context.Context, client *kubernetes.Clientset) int {
	made := client.RESTClient().Post().AbsPath("/apis/apiextensions.k8s.io/v1/customresourcedefinitions").
		SetHeader("Content-Type", "application/json").SetHeader("Accept", "application/json").
		Body([]byte(definition)).Do(ctx)
	check(made.Error() == nil, "definition: %v", made.Error())
	paths := must(client.Discovery().OpenAPIV3().Paths())
	for tries := 0; paths["apis/example.com/v1"] == nil; tries++ {
		check(tries < 100, "the definition is in no document")
		time.Sleep(100 * time.Millisecond)
		paths = must(client.Discovery().OpenAPIV3().Paths())
	}
	for key, path := range paths {
		wanted, err := openapiv3.ParseDocument(must(path.Schema("application/json")))
		check(err == nil, "%s in JSON: %v", key, err)
		same(key, &openapiv3.Document{}, wanted, must(path.Schema(openAPIV3)))
	}
	v2 := func(accept string) []byte {
		return must(client.RESTClient().Get().AbsPath("/openapi/v2").SetHeader("Accept", accept).
			Do(ctx).Raw())
	}
	wanted, err := openapiv2.ParseDocument(v2("application/json"))
	check(err == nil, "version 2 in JSON: %v", err)
	same("version 2", &openapiv2.Document{}, wanted, v2(openAPIV2))
	return len(paths) + 1
}
