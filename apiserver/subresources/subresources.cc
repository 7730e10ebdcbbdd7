#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

struct SubresourceEntry {
  struct {
    std::string_view group;  // "*": of every kind that has it.
    std::string_view resource;
    std::string_view subresource;
  } of;
  SubresourceHandlers handlers;
};

constexpr SubresourceEntry kEntries[] = {
    {{"", "pods", "binding"}, {.create = &HandleBinding}},
    {{"", "pods", "eviction"}, {.create = &HandleEviction}},
    {{"", "pods", "ephemeralcontainers"}, {.mode = &EphemeralContainersMode}},
    {{"", "pods", "resize"}, {.mode = &ResizeMode}},
    {{"", "pods", "exec"}, {.connect = &HandleExec}},
    {{"", "pods", "attach"}, {.connect = &HandleAttach}},
    {{"", "pods", "portforward"}, {.connect = &HandlePortForward}},
    {{"", "pods", "log"}, {.get = &HandleLog}},
    {{"*", "*", "proxy"}, {.connect = &HandleProxy, .passes_path = true}},
    {{"", "namespaces", "finalize"}, {.mode = &FinalizeMode}},
    {{"", "serviceaccounts", "token"}, {.create = &HandleToken}},
    {{"certificates.k8s.io", "certificatesigningrequests", "approval"}, {.mode = &ApprovalMode}},
    {{"*", "*", "scale"},
     {.get = &HandleGetScale, .update = &HandlePutScale, .patch = &HandlePatchScale}},
    {{"*", "*", "status"}, {.mode = &StatusMode}},
};

}  // namespace

const SubresourceHandlers* FindSubresourceHandlers(const KindInfo& kind,
                                                   std::string_view subresource) {
  for (const SubresourceEntry& entry : kEntries) {
    if (entry.of.subresource != subresource) continue;
    if (entry.of.group != "*" && entry.of.group != kind.group) continue;
    if (entry.of.resource != "*" && entry.of.resource != kind.resource) continue;
    return &entry.handlers;
  }
  return nullptr;
}

}  // namespace skiff
