// May this user do that? Authorizers are asked in order; the first that allows or denies decides,
// and when none has an opinion the answer is no.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apiserver/auth/user.h"
#include "base/error.h"

namespace skiff {

struct RequestInfo;

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
  // "pods/log"
  std::string QualifiedResource() const {
    return subresource.empty() ? resource : resource + "/" + subresource;
  }
};

struct Verdict {
  enum class Decision : uint8_t { kNoOpinion, kAllow, kDeny };
  Decision decision = Decision::kNoOpinion;
  std::string reason;
  bool allowed() const { return decision == Decision::kAllow; }
};

// Thread-safe.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual Verdict Authorize(const User& user, const Access& access) = 0;
};

class AlwaysAllow final : public Authorizer {
 public:
  Verdict Authorize(const User&, const Access&) override {
    return {.decision = Verdict::Decision::kAllow};
  }
};

// Members of system:masters may do everything, whatever the modes say.
class AllowMasters final : public Authorizer {
 public:
  Verdict Authorize(const User& user, const Access&) override {
    if (!user.InGroup(kGroupMasters)) return {};
    return {.decision = Verdict::Decision::kAllow};
  }
};

class AuthorizerChain final : public Authorizer {
 public:
  void Add(std::unique_ptr<Authorizer> authorizer) { chain_.push_back(std::move(authorizer)); }
  Verdict Authorize(const User& user, const Access& access) override;

 private:
  std::vector<std::unique_ptr<Authorizer>> chain_;
};

Access AccessOf(const RequestInfo& info);

// The 403 of a refused access: `pods "x" is forbidden: User "u" cannot get resource "pods" ...`.
Error ForbiddenAccess(const User& user, const Access& access, std::string_view reason);

}  // namespace skiff
