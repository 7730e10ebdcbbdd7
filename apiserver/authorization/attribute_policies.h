// Mode ABAC: policies of a file, one JSON object a line, read once at the start. It allows or has
// no opinion; it never denies.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apiserver/auth/authorizer.h"
#include "base/error.h"

namespace skiff {

struct AttributePolicy {
  std::string user = {}, group = {};
  bool readonly = false;
  std::string api_group = {}, resource = {}, namespace_name = {};
  std::string non_resource_path = {};
  bool operator==(const AttributePolicy&) const = default;
};

// Invalid carries kube-apiserver's text. `path`: by which errors name the file.
Result<std::vector<AttributePolicy>> ReadAttributePolicies(const std::string& path,
                                                           std::string_view text);

class AttributeAuthorizer final : public Authorizer {
 public:
  explicit AttributeAuthorizer(std::vector<AttributePolicy> policies)
      : policies_(std::move(policies)) {}
  Verdict Authorize(const User& user, const Access& access) override;
  void TellRules(const User& user, const std::string& namespace_name, const VisitRule& visit,
                 RulesTold& told) override;

 private:
  const std::vector<AttributePolicy> policies_;
};

}  // namespace skiff
