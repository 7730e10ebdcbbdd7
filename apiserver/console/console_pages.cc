#include "apiserver/console/console_pages.h"

#include <algorithm>

#include "apiserver/request/respond.h"

namespace skiff {
namespace {

constexpr std::string_view kRoot = "/console/";
// What is below it has a digest of itself in its name: what a name stands for never changes.
constexpr std::string_view kDigested = "assets/";

// What a page of the console may do: load files of this server, and talk to it. Nothing written
// into a page or a style attribute runs, nobody can show it in a frame, and forms lead nowhere.
constexpr const char* kPolicy =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "object-src 'none'";

void AddSecurityHeaders(http::Response& response) {
  response.SetHeader("Content-Security-Policy", kPolicy);
  if (!response.headers.contains("X-Content-Type-Options")) {
    response.SetHeader("X-Content-Type-Options", "nosniff");
  }
  response.SetHeader("X-Frame-Options", "DENY");
  response.SetHeader("Referrer-Policy", "no-referrer");
  response.SetHeader("Cross-Origin-Opener-Policy", "same-origin");
  response.SetHeader("Cross-Origin-Resource-Policy", "same-origin");
  response.SetHeader("Permissions-Policy", "camera=(), geolocation=(), microphone=()");
}

// Whether one of the tags that the client has is this one. Weak ones count: only what is the same
// in every byte has the same tag here.
bool HasTag(std::string_view list, std::string_view tag) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view each = list.substr(0, comma);
    list = comma == list.npos ? "" : list.substr(comma + 1);
    each.remove_prefix(std::min(each.find_first_not_of(" \t"), each.size()));
    each = each.substr(0, each.find_last_not_of(" \t") + 1);
    if (each.starts_with("W/")) each.remove_prefix(2);
    if (each == "*" || each == tag) return true;
  }
  return false;
}

http::Response Refusal(int status, const char* text) {
  http::Response response = TextResponse(status, text);
  AddSecurityHeaders(response);
  return response;
}

}  // namespace

ConsolePages::ConsolePages(std::span<const ConsoleFile> files) {
  for (const ConsoleFile& file : files) {
    pages_.push_back({&file, std::make_shared<const std::string>(file.plain),
                      std::make_shared<const std::string>(file.packed)});
  }
}

const ConsolePages::Page* ConsolePages::Find(std::string_view path) const {
  if (path.empty()) path = "index.html";
  for (const Page& page : pages_) {
    if (page.file->path == path) return &page;
  }
  return nullptr;
}

std::optional<http::Response> ConsolePages::Answer(const http::Request& request) const {
  const std::string_view path = request.path;
  if (path != kRoot.substr(0, kRoot.size() - 1) && !path.starts_with(kRoot)) return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    http::Response response = Refusal(405, "405 method not allowed\n");
    response.SetHeader("Allow", "GET, HEAD");
    return response;
  }
  if (path.size() < kRoot.size()) {
    http::Response response = Refusal(301, "");
    // Relative, for whoever reaches this server below a path of a proxy's.
    response.SetHeader("Location", "console/");
    return response;
  }
  const Page* page = Find(path.substr(kRoot.size()));
  if (page == nullptr) return Refusal(404, "404 page not found\n");
  const bool packed = !page->packed->empty() && AcceptsGzip(request);
  http::Response response;
  response.content_type = page->file->type;
  const std::string tag = "\"" + std::string(page->file->digest) + (packed ? "-gzip\"" : "\"");
  response.SetHeader("ETag", tag);
  response.SetHeader("Vary", "Accept-Encoding");
  // A new program has another page under the same name: who has one asks whether it still holds.
  response.SetHeader("Cache-Control", page->file->path.starts_with(kDigested)
                                          ? "public, max-age=31536000, immutable"
                                          : "no-cache");
  AddSecurityHeaders(response);
  if (HasTag(request.Header("If-None-Match"), tag)) {
    response.status = 304;
    return response;
  }
  if (packed) response.SetHeader("Content-Encoding", "gzip");
  response.pieces.push_back(packed ? page->packed : page->plain);
  return response;
}

}  // namespace skiff
