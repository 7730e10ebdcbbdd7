// Which requests the audit log tells of, and how much: the rules of --audit-policy-file. Pure.
//
//   const AuditPolicy policy = TRY(AuditPolicy::Parse(text, notes));
//   const AuditDecision decision = policy.Decide(user, info);
//   if (decision.Tells(AuditStage::kResponseComplete)) ...
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "api/values.h"
#include "apiserver/auth/user.h"
#include "apiserver/request/request_info.h"
#include "base/error.h"

namespace skiff {

enum class AuditLevel : uint8_t { kNone, kMetadata, kRequest, kRequestResponse };
enum class AuditStage : uint8_t { kRequestReceived, kResponseStarted, kResponseComplete, kPanic };
inline constexpr size_t kAuditStages = 4;

std::string_view NameOf(AuditLevel level);
std::string_view NameOf(AuditStage stage);

struct AuditDecision {
  AuditLevel level = AuditLevel::kNone;
  std::array<bool, kAuditStages> omitted = {};
  bool omits_managed_fields = false;

  bool Tells(AuditStage stage) const {
    return level != AuditLevel::kNone && !omitted[static_cast<size_t>(stage)];
  }
};

class AuditPolicy {
 public:
  // A Policy of audit.k8s.io/v1 in YAML or JSON; errors are kube-apiserver's. What it says that no
  // policy has gets a line in `notes`.
  static Result<AuditPolicy> Parse(std::string_view text, std::vector<std::string>& notes);
  // The same of what stood in a file, in the words of a start that fails.
  static Result<AuditPolicy> Load(std::string_view text, const std::string& file,
                                  std::vector<std::string>& notes);

  // By the first rule that fits, of who asked before he was somebody else.
  AuditDecision Decide(const User& user, const RequestInfo& info) const;

 private:
  struct Resources {
    std::string group;
    std::vector<std::string> resources;  // Empty: all of the group.
    std::vector<std::string> names;
  };
  struct Rule {
    AuditDecision decision;
    std::vector<std::string> users, groups, verbs, namespaces, urls;
    std::vector<Resources> resources;
  };
  class Reading;
  static bool Fits(const Rule& rule, const User& user, const RequestInfo& info);
  static bool FitsResource(const Rule& rule, const RequestInfo& info);

  std::vector<Rule> rules_;
};

}  // namespace skiff
