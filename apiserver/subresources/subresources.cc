#include "apiserver/subresources/subresources.h"

namespace skiff {
namespace {

constexpr SubresourceEntry kEntries[] = {
    {"", "pods", "binding", &HandleBinding},
    {"", "pods", "eviction", &HandleEviction},
    {"", "pods", "ephemeralcontainers", &HandleEphemeralContainers},
    {"", "pods", "resize", &HandleResize},
    {"", "pods", "exec", &HandleExec},
    {"", "pods", "attach", &HandleAttach},
    {"", "pods", "portforward", &HandlePortForward},
    {"", "pods", "log", &HandleLog},
    {"*", "*", "proxy", &HandleProxy},
    {"", "namespaces", "finalize", &HandleFinalize},
    {"", "serviceaccounts", "token", &HandleToken},
    {"certificates.k8s.io", "certificatesigningrequests", "approval", &HandleApproval},
    {"*", "*", "scale", &HandleScale},
    {"*", "*", "status", &HandleStatus},
};

}  // namespace

std::span<const SubresourceEntry> SubresourceEntries() {
  return kEntries;
}

const SubresourceEntry* FindSubresourceEntry(const ApiRequest& request) {
  for (const SubresourceEntry& entry : kEntries) {
    if (entry.subresource != request.info.subresource) continue;
    if (entry.group != "*" && entry.group != request.info.group) continue;
    if (entry.resource != "*" && entry.resource != request.info.resource) continue;
    return &entry;
  }
  return nullptr;
}

}  // namespace skiff
