#include "kubelet/cri.h"

#include <algorithm>
#include <cstdio>

namespace skiff::cri {
namespace {

// The gRPC code behind a Reason; the header lists the pairs.
std::string_view CodeText(Reason reason) {
  switch (reason) {
    case Reason::kNotFound:
      return "NotFound";
    case Reason::kAlreadyExists:
      return "AlreadyExists";
    case Reason::kInvalid:
      return "InvalidArgument";
    case Reason::kConflict:
      return "FailedPrecondition";
    case Reason::kServiceUnavailable:
      return "Unavailable";
    case Reason::kTimeout:
      return "DeadlineExceeded";
    case Reason::kTooManyRequests:
      return "ResourceExhausted";
    case Reason::kForbidden:
      return "PermissionDenied";
    case Reason::kUnauthorized:
      return "Unauthenticated";
    case Reason::kMethodNotAllowed:
      return "Unimplemented";
    case Reason::kBadRequest:
      return "OutOfRange";
    case Reason::kServerTimeout:
      return "Canceled";
    case Reason::kInternalError:
      return "Internal";
    default:
      return "Unknown";
  }
}

}  // namespace

bool RuntimeStatus::Ready(std::string_view condition_type) const {
  return std::any_of(conditions.begin(), conditions.end(), [&](const Condition& condition) {
    return condition.type == condition_type && condition.status;
  });
}

std::string ImageVolumesFault(const Version& version) {
  if (version.runtime_name != "containerd") return "";
  int major = 0, minor = 0;
  const std::string& text = version.runtime_version;
  if (std::sscanf(text.c_str(), "%d.%d", &major, &minor) != 2) return "";
  if (major > 2 || (major == 2 && minor >= 1)) return "";
  return "containerd " + text + " mounts no image as a volume, which 2.1 and later ones do";
}

std::string RpcErrorText(const Error& error) {
  return "rpc error: code = " + std::string(CodeText(error.reason)) + " desc = " + error.message;
}

}  // namespace skiff::cri
