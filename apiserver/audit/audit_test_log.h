// An audit log for tests: a folder of its own, and what stands in it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "api/values.h"
#include "apiserver/audit/audit_options.h"
#include "base/whole_file.h"

namespace skiff {

class AuditTestLog {
 public:
  AuditTestLog() {
    std::string name = testing::TempDir() + "audit-XXXXXX";
    CHECK(mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  ~AuditTestLog() { std::filesystem::remove_all(folder_); }
  AuditTestLog(const AuditTestLog&) = delete;
  AuditTestLog& operator=(const AuditTestLog&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  std::string path() const { return folder_ / "audit.log"; }
  // `rules` in YAML's flow style, and what else the policy says.
  AuditOptions Options(const std::string& rules, const std::string& more = "") const {
    return {
        .policy_text = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: " + rules + "\n" + more,
        .log = {.path = path()}};
  }
  std::string Text() const { return ReadWholeFile(path()).value_or(""); }
  std::vector<Json> Events() const {
    std::vector<Json> events;
    std::ifstream file(path());
    for (std::string line; std::getline(file, line);) events.push_back(Json::parse(line));
    return events;
  }
  // Those of a path, as far as its query.
  std::vector<Json> EventsOf(const std::string& path) const {
    std::vector<Json> found;
    for (Json& event : Events()) {
      const std::string uri = event["requestURI"];
      if (uri.substr(0, uri.find('?')) == path) found.push_back(std::move(event));
    }
    return found;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace skiff
