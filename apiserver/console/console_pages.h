// The web console at /console/: files that the build put into the program (cmake/console.cmake).
//
// They are the same for everybody and hold no word of the cluster, so they are given to whoever
// asks, before it is known who that is, as are the scripts of any web page. What the page then
// shows it asks for itself, by requests of the user's own that are authenticated and authorized
// like all others.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace skiff {

struct ConsoleFile {
  std::string_view path;    // Below /console/: "index.html".
  std::string_view type;    // "text/css; charset=utf-8"
  std::string_view digest;  // Of `plain`.
  std::string_view plain;
  std::string_view packed;  // The same by gzip; "": that would be longer.
};

// Sorted by path. The build makes the source that defines it.
std::span<const ConsoleFile> ConsoleFiles();

// Immutable, so any thread may ask; answers at once and from memory.
class ConsolePages {
 public:
  explicit ConsolePages(std::span<const ConsoleFile> files);

  // nullopt: the path is none of the console's.
  std::optional<http::Response> Answer(const http::Request& request) const;

 private:
  // What is sent lives as long as a client reads it: it is shared, and never copied.
  struct Page {
    const ConsoleFile* file;
    http::SharedBytes plain;
    http::SharedBytes packed;
  };
  const Page* Find(std::string_view path) const;
  std::vector<Page> pages_;
};

}  // namespace skiff
