// A cluster written down in YAML, and what is made of it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "api/text/yaml.h"
#include "cli/why/explain.h"

namespace skiff::cli::why {

class WhyTest : public testing::Test {
 protected:
  WhyTest() { facts_.now = Time::Parse("2026-01-02T03:00:00Z")->point(); }

  static Json Parsed(const std::string& yaml) {
    auto document = ParseYaml(yaml);
    EXPECT_TRUE(document) << (document ? "" : document.error().message) << "\n" << yaml;
    return document ? std::move(document->value) : Json();
  }
  // Adds an object to what was read; objects of namespaces get "default".
  void Add(const std::string& resource, const std::string& yaml) {
    Json object = Parsed(yaml);
    const bool cluster_wide = resource == "nodes" || resource == "persistentvolumes" ||
                              resource.ends_with("classes") || resource == "csidrivers";
    if (!cluster_wide) object["metadata"]["namespace"] = "default";
    facts_.lists[resource].push_back(std::move(object));
  }
  // There is none of it.
  void None(const std::string& resource) { facts_.lists[resource]; }
  void AddEvent(const std::string& about, const std::string& reason, const std::string& message,
                const std::string& path = "") {
    const size_t slash = about.find('/');
    facts_.lists["events"].push_back({{"involvedObject",
                                       {{"kind", about.substr(0, slash)},
                                        {"name", about.substr(slash + 1)},
                                        {"fieldPath", path}}},
                                      {"reason", reason},
                                      {"message", message},
                                      {"type", "Warning"},
                                      {"count", 3},
                                      {"lastTimestamp", "2026-01-02T02:59:00Z"}});
  }
  // "SENTENCE.\n  evidence  [source]\n ...", of the object.
  std::string Why(const std::string& yaml) {
    facts_.object = Parsed(yaml);
    facts_.object["metadata"]["namespace"] = "default";
    explanation_ = Explain(facts_);
    return TextFor(explanation_);
  }
  const Finding& first() const { return explanation_.findings.at(0); }

  Facts facts_;
  Explanation explanation_;
};

}  // namespace skiff::cli::why
