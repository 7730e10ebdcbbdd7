#include "apiserver/kinds/own_answer.h"

#include "api/codec/document.h"
#include "api/codec/json.h"

namespace skiff {

bool IsRefusal(const http::Response& answer) {
  return answer.status >= 400 && answer.status != 404 && answer.status != 409;
}

std::string SaidBy(const http::Response& answer) {
  const auto status = ParseJson(answer.body);
  return status && status->is_object() ? TextAt(*status, "message") : answer.body;
}

Result<> UnlessRefused(const http::Response& answer) {
  return IsRefusal(answer) ? Fail(Reason::kInternalError, SaidBy(answer)) : Result<>();
}

}  // namespace skiff
