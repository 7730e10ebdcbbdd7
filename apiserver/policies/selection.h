// Which policies concern a request, under which bindings and with which parameters: the same for
// those that judge and those that change.
#pragma once

#include <fmt/format.h>

#include <chrono>

#include "api/text/group_version.h"
#include "apiserver/policies/params.h"
#include "apiserver/policies/policy_table.h"

namespace skiff {

struct SelectionParts {
  Store& store;
  Caches& caches;
  const KindSet& kinds;
  size_t* document_bytes_left = nullptr;  // As in ParamsWanted.
};

// Calls `chosen(binding, kind, params)` for each binding under which the policy concerns the
// request, as one for `kind`, with one parameter or more (null: none). What it fails with is the
// answer. `unusable(binding, error)` hears why a binding, or with null the policy itself, cannot be
// used, in the words that follow "denied request: ".
template <typename Family, typename Chosen, typename Unusable>
Result<> SelectBindings(const SelectionParts& parts, const AdmissionRequest& request,
                        const BoundPolicy<Family>& bound, const Chosen& chosen,
                        const Unusable& unusable) {
  using Binding = typename Family::Binding;
  const Binding* none = nullptr;
  const auto cannot = [&](const Binding* binding, const Error& error) {
    unusable(binding, fmt::format("failed to configure {}: {}",
                                  binding == nullptr ? "policy" : "binding", error.message));
  };
  const MatchContext context{parts.caches, parts.kinds};
  const auto kind = MatchRequest(bound.policy->criteria(), request, context);
  if (!kind) {
    cannot(none, kind.error());
    return {};
  }
  if (*kind == nullptr) return {};
  const KindInfo* param_kind = nullptr;
  if (const auto& wanted = bound.policy->policy().spec.param_kind) {
    param_kind = parts.kinds.FindKind(wanted->api_version, wanted->kind);
    if (param_kind == nullptr || param_kind->storage_key.empty()) {
      const bool is_core = GroupPart(wanted->api_version).empty();
      cannot(none, {Reason::kInvalid,
                    fmt::format("failed to find resource referenced by paramKind: '{}{}, Kind={}'",
                                is_core ? "/" : "", wanted->api_version, wanted->kind)});
      return {};
    }
  }
  for (const auto& active : bound.bindings) {
    const Binding& binding = *active->binding;
    const auto matched = MatchRequest(active->criteria, request, context);
    if (!matched) {
      cannot(&binding, matched.error());
      continue;
    }
    if (*matched == nullptr) continue;
    // There may be any number of them, and parameters take time to read.
    if (std::chrono::steady_clock::now() >= request.deadline) {
      cannot(&binding, {Reason::kTimeout, "context deadline exceeded"});
      continue;
    }
    const auto params = CollectParams(
        parts.store, {.kind = param_kind,
                      .ref = binding.spec.param_ref ? &*binding.spec.param_ref : nullptr,
                      .namespace_name = AdmissionNamespace(request),
                      .document_bytes_left = parts.document_bytes_left});
    if (!params) {
      cannot(&binding, params.error());
      continue;
    }
    if (params->empty()) continue;
    TRY(chosen(binding, **kind, *params));
  }
  return {};
}

}  // namespace skiff
