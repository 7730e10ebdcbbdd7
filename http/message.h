// A request and its answer, as handlers of every server here see them.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/stream.h"

namespace skiff::http {

struct CaseInsensitiveLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
using Headers = std::multimap<std::string, std::string, CaseInsensitiveLess>;

// The verified certificate of the client's side of a TLS connection.
struct PeerCertificate {
  std::string common_name;
  std::vector<std::string> organizations;
  std::string pem;
};

struct Request {
  std::string method;  // "GET"
  std::string target;  // as sent: path and query, still encoded
  std::string path;    // decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  Headers headers;
  std::string body;
  std::string remote_address;  // "127.0.0.1"; "" when the caller is in this process
  std::optional<PeerCertificate> peer_certificate;

  // The first value; "" when absent.
  std::string_view Header(std::string_view name) const;
  std::optional<std::string_view> Query(std::string_view name) const;
  bool HasQuery(std::string_view name) const { return Query(name).has_value(); }
};

struct Response {
  int status = 200;
  Headers headers;
  std::string content_type;
  // The answer is body, or shared_body, or pieces in order, or what the stream yields.
  std::string body;
  std::vector<SharedBytes> pieces;  // Stored bytes, sent as they are and never copied.
  // Not null: the connection stays with this source (chunked transfer) until it ends.
  std::unique_ptr<StreamSource> stream;
  // Not null: after the head (101 or 200) the connection carries raw bytes both ways.
  std::unique_ptr<Duplex> upgrade;

  void SetHeader(std::string name, std::string value) {
    headers.emplace(std::move(name), std::move(value));
  }
};

// Answers requests; called on a worker, one call a request, many at once.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Response Handle(const Request& request) = 0;
};

}  // namespace skiff::http
