#include "client/whole_updates.h"

#include <utility>

#include "api/codec/document.h"
#include "api/codec/json.h"
#include "api/patch/patch.h"
#include "client/client.h"

namespace skiff {
namespace {

std::string BodyOf(const http::Response& response) {
  std::string body = response.body;
  for (const http::SharedBytes& piece : response.pieces) body += *piece;
  return body;
}

}  // namespace

http::Response WholeUpdates::Send(http::Request request) {
  const bool is_merge =
      request.method == "PATCH" && request.Header("Content-Type") == ContentType(PatchType::kMerge);
  const auto object_path = is_merge ? object_of_(request.path) : std::nullopt;
  return object_path ? SendWhole(request, *object_path) : below_.Send(std::move(request));
}

http::Response WholeUpdates::SendWhole(const http::Request& patch, const std::string& object_path) {
  const auto changes = ParseJson(patch.Body());
  if (!changes || !changes->is_object()) return below_.Send(patch);
  const bool is_of_one_version = !TextAt(*changes, "metadata.resourceVersion").empty();
  http::Response answer;
  for (int tries = 0; tries < kTriesMax; ++tries) {
    http::Request read = patch;
    read.method = "GET";
    read.path = object_path;
    read.body.clear();
    read.headers.erase("Content-Type");
    answer = below_.Send(std::move(read));
    if (answer.status != 200) return answer;
    auto object = ParseJson(BodyOf(answer));
    if (!object || !object->is_object()) return NotAsked("the server's answer is not JSON");
    http::Request update = patch;
    update.method = "PUT";
    update.body = DumpJson(ApplyMergePatch(*changes, *std::move(object)));
    update.headers.erase("Content-Type");
    update.headers.emplace("Content-Type", "application/json");
    answer = below_.Send(std::move(update));
    if (answer.status != 409 || is_of_one_version) return answer;
  }
  return answer;
}

}  // namespace skiff
