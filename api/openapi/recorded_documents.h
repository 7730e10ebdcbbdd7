// For tests: documents that were recorded of a kube-apiserver, and how ours are held against them.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "api/values.h"
#include "base/source_root.h"

namespace skiff {

// Of api/testdata.
inline Json RecordedDocuments(const std::string& name) {
  std::ifstream file(std::string(kSourceRoot) + "/api/testdata/" + name);
  return Json::parse(file);
}

// Descriptions are everyone's own.
inline Json WithoutProse(Json document) {
  if (!document.is_structured()) return document;
  if (document.is_object()) {
    const auto prose = document.find("description");
    if (prose != document.end() && prose->is_string()) document.erase(prose);
  }
  for (Json& part : document) part = WithoutProse(std::move(part));
  return document;
}

inline void ExpectSame(const Json& actual, const Json& expected, const std::string& name) {
  EXPECT_EQ(actual, expected) << name << Json::diff(actual, expected).dump(1).substr(0, 2000);
}

}  // namespace skiff
