// Pages of pods and services that somebody looks at by way of the API server.
#include "apiserver/subresources/proxied_links.h"

#include <algorithm>

#include "base/error.h"
#include "e2e/fuzz/targets.h"

namespace skiff::fuzz {
namespace {

const ProxiedPlace& Place() {
  static const ProxiedPlace place{.prefix = "/api/v1/namespaces/a/services/s/proxy",
                                  .upstream_host = "10.0.0.1:80",
                                  .client_host = "api.example:6443"};
  return place;
}

std::string Rewritten(std::string_view page, size_t piece) {
  LinkRewriter rewriter(Place());
  std::string out;
  while (!page.empty()) {
    rewriter.Add(page.substr(0, piece), out);
    page.remove_prefix(std::min(piece, page.size()));
  }
  rewriter.End(out);
  return out;
}

}  // namespace

void ProxiedLinks(std::string_view bytes) {
  // A page reads the same wherever it is cut.
  const std::string whole = Rewritten(bytes, bytes.size());
  CHECK(Rewritten(bytes, 1) == whole);
  CHECK(Rewritten(bytes, 7) == whole);
  CHECK(whole.size() >= bytes.size() || bytes.find("//") != std::string_view::npos);
  const std::string url = ProxiedUrl(Place(), bytes);
  CHECK(ProxiedUrl(Place(), url) == url);
}

}  // namespace skiff::fuzz
