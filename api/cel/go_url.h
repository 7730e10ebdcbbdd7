// URLs as Go's net/url reads those of requests.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace skiff::cel {

struct GoUrl {
  std::string scheme;
  std::string host;  // With its port, an IPv6 address in brackets.
  std::string escaped_path;
  std::string query;  // As written.
  std::string error;  // `parse "x": invalid URI for request`; "": it was read.

  std::string Hostname() const;
  std::string Port() const;
  std::map<std::string, std::vector<std::string>> Query() const;
};

GoUrl ParseRequestUri(std::string_view text);

}  // namespace skiff::cel
