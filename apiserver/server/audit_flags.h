// The flags --audit-* of kube-apiserver.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apiserver/audit/audit_options.h"
#include "base/error.h"
#include "base/flags.h"

namespace skiff {

struct AuditFlags {
  std::string policy_file;
  AuditFileOptions log;
  std::string format = "json";
  std::string mode = "blocking";
};

void AddAuditFlags(Flags& flags, AuditFlags& to);
// Invalid carries kube-apiserver's text; what has no effect gets a line in `notes`.
Result<> CheckAuditFlags(const AuditFlags& flags, std::vector<std::string>& notes);
// With the policy read; nullopt: nothing is told. `notes`: of a policy that serves nothing. One
// that does is looked at by Audit::Create, which tells of the same.
Result<std::optional<AuditOptions>> AuditOptionsOf(const AuditFlags& flags,
                                                   std::vector<std::string>& notes);

}  // namespace skiff
