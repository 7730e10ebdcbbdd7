#include "api/crd/light_definition.h"

#include <gtest/gtest.h>

#include "api/codec/typed.h"

namespace skiff::crd {
namespace {

using apiextensions_v1::CustomResourceDefinition;

const char* const kDefinition = R"({
    "kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1",
    "metadata": {"name": "lamps.example.com", "resourceVersion": "7", "finalizers": ["a/b"],
                 "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {}}}]},
    "spec": {"group": "example.com", "scope": "Namespaced",
             "names": {"plural": "lamps", "kind": "Lamp"},
             "versions": [
                 {"name": "v1", "served": true, "storage": true, "deprecated": true,
                  "schema": {"openAPIV3Schema": {"type": "object"}},
                  "subresources": {"status": {}},
                  "additionalPrinterColumns": [{"name": "A", "type": "string", "jsonPath": ".a"}],
                  "selectableFields": [{"jsonPath": ".spec.a"}]},
                 {"name": "v2", "served": false, "storage": false}]},
    "status": {"storedVersions": ["v1"], "conditions": [{"type": "Established", "status": "True"}]}})";

TEST(LightDefinitionTest, IsAllOfItButWhatIsLarge) {
  CustomResourceDefinition light;
  ASSERT_TRUE(ReadLightDefinition(kDefinition, light));
  auto whole = *FromJson<CustomResourceDefinition>(Json::parse(kDefinition));
  ASSERT_TRUE(whole.spec.versions[0].schema.has_value());
  EXPECT_FALSE(light.spec.versions[0].schema.has_value());
  EXPECT_NE(light, whole);
  whole.metadata.managed_fields.clear();
  whole.spec.versions[0].schema.reset();
  whole.spec.versions[0].additional_printer_columns.clear();
  EXPECT_EQ(light, whole);
}

TEST(LightDefinitionTest, WhatIsNoneIsRefused) {
  CustomResourceDefinition light;
  EXPECT_FALSE(ReadLightDefinition("{", light));
  EXPECT_FALSE(ReadLightDefinition(R"({"spec": {"versions": [{"name": 5}]}})", light));
}

}  // namespace
}  // namespace skiff::crd
