// May this user do that? Authorizers are asked in order; the first that allows or denies decides,
// and when none has an opinion the answer is no.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/user.h"
#include "base/error.h"

namespace skiff {

struct RequestInfo;
namespace rbac_v1 {
struct PolicyRule;
}

// What is asked for, in the words of SubjectAccessReview.
struct Access {
  std::string verb;
  bool is_resource = true;
  std::string group;
  std::string version;
  std::string resource;
  std::string subresource;
  std::string namespace_name;
  std::string name;
  std::string path;                 // When not a resource.
  std::string field_selector = {};  // Of list, watch and deletecollection, as it was sent.
  std::string label_selector = {};
  // "pods/log"
  std::string QualifiedResource() const {
    return subresource.empty() ? resource : resource + "/" + subresource;
  }
};

struct Verdict {
  enum class Decision : uint8_t { kNoOpinion, kAllow, kDeny };
  Decision decision = Decision::kNoOpinion;
  std::string reason;
  // Why it could not be told whether it is allowed; there may be a decision all the same.
  std::string error = {};
  bool allowed() const { return decision == Decision::kAllow; }
};

// What SelfSubjectRulesReview is told beside rules.
struct RulesTold {
  bool incomplete = false;
  std::vector<std::string> errors = {};
};

// Thread-safe.
class Authorizer {
 public:
  // Gets one rule after the other; false: it wants no more.
  using VisitRule = std::function<bool(const rbac_v1::PolicyRule& rule)>;
  virtual ~Authorizer() = default;
  // An attempt (base/at_once.h) that would have to ask another program is void.
  virtual Verdict Authorize(const User& user, const Access& access) = 0;
  // The rules that hold for somebody in a namespace, as far as it can say them.
  virtual void TellRules(const User& user, const std::string& namespace_name,
                         const VisitRule& visit, RulesTold& told) {
    (void)user, (void)namespace_name, (void)visit, (void)told;
  }
};

class AlwaysAllow final : public Authorizer {
 public:
  Verdict Authorize(const User&, const Access&) override {
    return {.decision = Verdict::Decision::kAllow};
  }
  void TellRules(const User& user, const std::string& namespace_name, const VisitRule& visit,
                 RulesTold& told) override;
};

class AlwaysDenyAuthorizer final : public Authorizer {
 public:
  Verdict Authorize(const User&, const Access&) override {
    return {.reason = "Everything is forbidden."};
  }
};

Access AccessOf(const RequestInfo& info);

// The 403 of a refused access: `pods "x" is forbidden: User "u" cannot get resource "pods" ...`.
Error ForbiddenAccess(const User& user, const Access& access, std::string_view reason);

}  // namespace skiff
