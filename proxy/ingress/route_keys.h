// Hosts and paths as the keys of HAProxy's maps. What a key may consist of is all that a rule can
// bring into the configuration, whatever its author wrote: letters, digits and -._~%*
//
// HAProxy makes the same of each request by `path,url_dec,url_enc` and one slash for several, and
// looks it up.
#pragma once

#include <string>
#include <string_view>

namespace skiff::ingress {

// Every byte but letters, digits and -._~ becomes %XX. A text that is percent-encoded itself is
// decoded before, so that "/a b" and "/a%20b" are one path. Slashes in a row are one.
std::string EncodedPath(std::string_view path);

// Found by what follows the host: a whole path, or its elements from the first one on. "" as host:
// any; as path: "/". Slashes at a prefix's end do not count.
std::string ExactKey(std::string_view host, std::string_view path);
std::string PrefixKey(std::string_view host, std::string_view path);

// Whether it has an element of dots. Those of a request are resolved before it is led anywhere, or
// it is refused (haproxy_config.cc), so that none is led by such a path.
bool HasDots(std::string_view path);

// Whether it can be a key's host: a name in DNS, whose first label may be "*".
bool IsRouteHost(std::string_view host);

}  // namespace skiff::ingress
