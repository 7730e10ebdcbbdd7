// Which requests `proxy` lends its credentials to.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/text/patterns.h"
#include "http/message.h"

namespace skiff::cli {

class ProxyFilter {
 public:
  // Regular expressions with commas between them; any of a list is enough.
  struct Options {
    std::string accept_hosts;
    std::string accept_paths;
    std::string reject_paths;
    std::string reject_methods;
  };
  static Result<ProxyFilter> Make(const Options& options);
  // `path` is what the API is asked for.
  bool Accepts(const http::Request& request, std::string_view path) const;

 private:
  using Patterns = std::vector<std::shared_ptr<const RE2>>;

  static Result<Patterns> Compile(const std::string& list);
  static bool Matches(const Patterns& patterns, std::string_view text);
  bool MayBeOfPage(const http::Request& request) const;

  Patterns accept_hosts_;
  Patterns accept_paths_;
  Patterns reject_paths_;
  Patterns reject_methods_;
};

}  // namespace skiff::cli
