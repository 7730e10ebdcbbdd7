// Links in what is proxied. A page behind a proxy says "/style.css" and means itself; to the
// browser that would be the API server's. So absolute paths, in the HTML of an answer and in its
// Location header, get the path of the proxy in front, as kube-apiserver does it.
//
//   page of /api/v1/namespaces/a/services/s/proxy/x
//   <a href="/y">         ->  <a href="/api/v1/namespaces/a/services/s/proxy/y">
//   <a href="z">          ->  as it is: relative
//   <a href="//other/y">  ->  as it is: another host
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace skiff {

struct ProxiedPlace {
  std::string prefix;         // Up to and with "/proxy"; as it is written in a URL.
  std::string upstream_host;  // "10.0.0.1:80"
  std::string client_host;    // What the client calls this server.
};

std::string ProxiedUrl(const ProxiedPlace& place, std::string_view url);

// Changes the links of a page that comes in pieces, cut anywhere. What is no link stays byte for
// byte.
class LinkRewriter {
 public:
  explicit LinkRewriter(ProxiedPlace place) : place_(std::move(place)) {}
  // Appends to `out` what is decided by now.
  void Add(std::string_view bytes, std::string& out);
  // The page is over: the rest is as it is.
  void End(std::string& out);

 private:
  // What begins with "<" and ends with ">", and has not ended yet.
  struct Tag {
    bool opens = false;     // It has attributes, whose quotes may hold ">".
    size_t seen = 1;        // So much of it was looked at.
    char quote = 0;         // Within these.
    bool at_value = false;  // Only there does a quote open.
    bool too_long = false;  // It is not looked into, nor held.
  };
  // Each takes from the front of `text` what is decided; false when more must come first.
  bool TakeMarkup(std::string_view& text, std::string& out);
  bool TakeComment(std::string_view& text, std::string& out);
  bool TakeRawText(std::string_view& text, std::string& out);
  // Goes on where it stopped, so that a page costs the same in pieces of any size. True behind the
  // end.
  static bool FindEnd(std::string_view text, Tag& tag);
  static void Pass(size_t count, std::string_view& text, std::string& out);
  void WriteTag(std::string_view tag, std::string& out);

  const ProxiedPlace place_;
  std::string held_;  // What is not decided yet.
  bool in_comment_ = false;
  std::optional<Tag> tag_;  // At the front of what is held.
  std::string raw_until_;  // The element whose text has no tags ("script"); "" outside.
};

// Sees to the links of an answer, which may be packed with gzip or deflate.
void RewriteLinks(const ProxiedPlace& place, http::Response& response);

}  // namespace skiff
