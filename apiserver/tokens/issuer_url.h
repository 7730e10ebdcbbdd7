// URLs of issuers, as Go's net/url reads them. Pure.
#pragma once

#include <string>
#include <string_view>

namespace skiff {

struct IssuerUrl {
  std::string error = {};  // Of Go: `parse "x": ...`; "": it was read.
  std::string scheme = {};
  bool has_user = false;
  std::string authority = {};  // Host and port as they were written.
  std::string host = {};       // Without the brackets of an IPv6 address.
  int port = 443;
  std::string target = "/";  // Path and query, as a request has them.
  std::string query = {};
  std::string fragment = {};

  static IssuerUrl Parse(std::string_view text);
};

}  // namespace skiff
