// Objects for tests, from YAML as a user writes them.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "api/text/yaml.h"
#include "client/client.h"

namespace skiff {

// In the namespace default unless it says another one.
template <Kind K>
std::shared_ptr<K> FromYaml(const std::string& yaml) {
  const auto document = ParseYaml(yaml);
  EXPECT_TRUE(document) << yaml;
  if (!document) return std::make_shared<K>();
  auto object = DecodeObject<K>(document->value.dump());
  EXPECT_TRUE(object) << yaml;
  if (!object) return std::make_shared<K>();
  if ((*object)->metadata.namespace_.empty()) (*object)->metadata.namespace_ = "default";
  return *object;
}

}  // namespace skiff
