// Flags of kube-apiserver that do nothing here, and what it refuses of them all the same. Pure.
#pragma once

#include "base/error.h"
#include "base/flags.h"

namespace skiff {

void AddUnusedFlags(Flags& flags);
// Those of them that go only together, in kube-apiserver's words. `writes_audit_log`: else it looks
// at no flag of that log.
Result<> CheckUnusedFlags(const Flags::Given& given, bool writes_audit_log);

}  // namespace skiff
