// What the query and the headers of a request say of how it is meant.
#include <algorithm>

#include "apiserver/request/list_options.h"
#include "apiserver/request/write_options.h"
#include "apiserver/subresources/log_options.h"
#include "base/error.h"
#include "e2e/fuzz/kinds.h"
#include "e2e/fuzz/targets.h"
#include "http/accept.h"

namespace skiff::fuzz {
namespace {

void CheckList(const http::Request& request, bool is_watch) {
  const auto options = ParseListOptions(request, KindOf(*Kinds().front()), is_watch);
  if (!options) {
    CHECK(!options.error().message.empty());
    return;
  }
  (void)DecodeContinue(options->continue_token);
}

void CheckContinue(std::string_view text) {
  const auto token = DecodeContinue(text);
  if (!token) return;
  const auto again = DecodeContinue(EncodeContinue(*token));
  CHECK(again.has_value());
  CHECK(again->revision == token->revision && again->start == token->start &&
        again->left == token->left);
}

}  // namespace

// A query; behind the end of its line, a header's value.
void Options(std::string_view bytes) {
  const size_t end = std::min(bytes.find('\n'), bytes.size());
  const std::string_view header = bytes.substr(std::min(end + 1, bytes.size()));
  http::Request request;
  request.method = "GET";
  request.path = "/api/v1/namespaces/n/pods";
  request.query = http::ParseQuery(bytes.substr(0, end));
  for (const bool is_watch : {false, true}) CheckList(request, is_watch);
  for (const char* kind : {"CreateOptions", "UpdateOptions", "PatchOptions"}) {
    const auto options = ParseWriteOptions(request, kind);
    if (options) (void)OptionsDocument(*options, kind);
  }
  if (const auto options = ParseDeleteOptions(request, "", "v1")) (void)OptionsDocument(*options);
  if (const auto options = ParseLogOptions(request, "p")) (void)options->KubeletQuery();
  (void)CheckForwardedPorts(request);
  CheckContinue(bytes);
  const auto clauses = http::ParseAccept(header);
  CHECK(clauses.size() <= 64);
  for (const http::AcceptClause& clause : clauses) {
    CHECK(clause.quality == clause.quality);  // Nobody can sort by what is no number.
    (void)clause.Matches("application/json");
  }
}

}  // namespace skiff::fuzz
