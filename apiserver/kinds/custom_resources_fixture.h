// A definition of Crons, and what is made of it, over the real server.
#pragma once

#include <string>

#include "api/type.h"
#include "apiserver/server/server_fixture.h"

namespace skiff {

class CustomResources : public ServerFixture {
 protected:
  const std::string definitions_ = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const std::string path_ = "/apis/example.com/v1/namespaces/default/crons";

  static Json Definition(Json schema) {
    return {{"apiVersion", "apiextensions.k8s.io/v1"},
            {"kind", "CustomResourceDefinition"},
            {"metadata", {{"name", "crons.example.com"}}},
            {"spec",
             {{"group", "example.com"},
              {"scope", "Namespaced"},
              {"names", {{"plural", "crons"}, {"kind", "Cron"}, {"shortNames", {"cr"}}}},
              {"versions",
               {{{"name", "v1"},
                 {"served", true},
                 {"storage", true},
                 {"subresources",
                  {{"status", Json::object()},
                   {"scale",
                    {{"specReplicasPath", ".spec.replicas"},
                     {"statusReplicasPath", ".status.replicas"}}}}},
                 {"additionalPrinterColumns",
                  {{{"name", "Replicas"}, {"type", "integer"}, {"jsonPath", ".spec.replicas"}}}},
                 {"selectableFields", {{{"jsonPath", ".spec.image"}}}},
                 {"schema", {{"openAPIV3Schema", std::move(schema)}}}}}}}}};
  }
  static Json Schema() {
    return Json::parse(R"({"type": "object", "properties": {
        "spec": {"type": "object", "required": ["image"], "properties": {
            "image": {"type": "string", "pattern": "^[a-z]+$"},
            "replicas": {"type": "integer", "default": 1, "minimum": 0},
            "ports": {"type": "array", "x-kubernetes-list-type": "map",
                      "x-kubernetes-list-map-keys": ["name"],
                      "items": {"type": "object", "required": ["name"], "properties": {
                          "name": {"type": "string"}, "port": {"type": "integer"}}}}}},
        "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}}}})");
  }
  void Define(const Json& definition) {
    const Answer created = Post(definitions_, definition.dump());
    ASSERT_EQ(created.code, 201) << created.message();
    Settle();
  }
  static std::string Cron(const std::string& name, const Json& spec) {
    return Json{{"apiVersion", "example.com/v1"},
                {"kind", "Cron"},
                {"metadata", {{"name", name}}},
                {"spec", spec}}
        .dump();
  }
};

}  // namespace skiff
