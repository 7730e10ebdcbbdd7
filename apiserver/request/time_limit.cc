#include "apiserver/request/time_limit.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "base/flags.h"

namespace skiff {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

Error TimeoutError(const char* message) {
  Error error{Reason::kTimeout, message};
  error.details.emplace();
  return error;
}

}  // namespace

Result<> TakeTimeout(ApiRequest& request, Duration most) {
  // A connection's query is for what it leads to.
  if (IsLongRunning(request.info)) return {};
  if (const auto timeout = request.http.Query("timeout"); timeout && !timeout->empty()) {
    const auto parsed = ParseGoDuration(std::string(*timeout));
    if (!parsed) {
      return Fail(Reason::kBadRequest,
                  "invalid timeout specified in the request URL - " + parsed.error().message);
    }
    if (*parsed > Duration::zero()) most = std::min(most, *parsed);  // 0: what is usual.
  }
  const Duration arrived = request.http.arrived;
  const SteadyTime begin =
      arrived > Duration::zero() ? SteadyTime(arrived) : SteadyTime::clock::now();
  if (most >= request.answer_deadline - begin) return {};
  request.answer_deadline = begin + most;
  request.deadline = std::min(request.deadline, request.answer_deadline);
  return {};
}

const SteadyTime& EndOf(const ApiRequest& request) {
  // Kubernetes has no shorter limit for what deletes many.
  const bool is_limited = !request.info.IsReadOnly() && request.info.verb != "deletecollection";
  return is_limited ? request.deadline : request.answer_deadline;
}

Result<> CheckTime(const ApiRequest& request) {
  if (IsLongRunning(request.info)) return {};
  const SteadyTime end = EndOf(request);
  if (end == SteadyTime::max()) return {};
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now < end) return {};
  if (now >= request.answer_deadline) return Fail(TookTooLong());
  return Fail(
      TimeoutError("Timeout: request did not complete within requested timeout - context deadline "
                   "exceeded"));
}

Error TookTooLong() {
  return TimeoutError("Timeout: request did not complete within the allotted timeout");
}

}  // namespace skiff
