// A request and its answer, as handlers of every server here see them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/handed.h"
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
  std::string method;                                      // "GET"
  std::string target;                                      // as sent: path and query, still encoded
  std::string path;                                        // decoded
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order
  Headers headers;                                         // Values as sent, never decoded.
  std::string body;
  // The body went over the server's limit: `body` is empty, and the connection will be closed after
  // the answer, which should be 413.
  bool body_too_large = false;
  bool secure = false;         // Came over TLS.
  bool http2 = false;          // Came over HTTP/2.
  std::string remote_address;  // "127.0.0.1"; "" when the caller is in this process
  // Null: no certificate was sent, or it did not verify, and then the error says why. Kubernetes
  // answers 401 to a bad certificate, so it does not fail the handshake.
  std::shared_ptr<const PeerCertificate> peer_certificate;
  std::string peer_certificate_error;
  // From a caller in this process, in place of `body`; what it holds is there until the answer is.
  std::shared_ptr<const Handed> handed;
  // The caller is in this process, and takes an object in place of its text.
  bool takes_handed = false;
  // The caller pulls the body of a good answer as it comes, as that of a watch: it may be long.
  bool wants_stream = false;
  // Monotonic: when its head was there, not yet a body. 0: from within, where each try is new.
  Duration arrived = Duration::zero();

  // The body as text, whichever way it came.
  const std::string& Body() const { return handed ? handed->Text() : body; }
  // The first value; "" when absent.
  std::string_view Header(std::string_view name) const;
  // The first value of that name, decoded.
  std::optional<std::string_view> Query(std::string_view name) const;
  bool HasQuery(std::string_view name) const { return Query(name).has_value(); }
};

struct Response;
// Delivers an answer that was not there yet when Handle returned. Called once, on any thread; when
// the last copy is dropped without a call, the client gets 502. Harmless after the client has left.
using Reply = std::function<void(Response)>;

// An answer in the making that holds no thread, as when an upstream must be asked first.
class PendingResponse {
 public:
  // The client has left, or has been answered: stop trying.
  virtual ~PendingResponse() = default;
  // Called once, on the loop that owns the client's connection; must not block.
  virtual void Start(Reply reply) = 0;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string content_type;
  // The answer is body, or pieces in order, or what the stream yields; Content-Length is set here.
  std::string body;
  std::vector<SharedBytes> pieces;  // Stored bytes, sent as they are and never copied.
  // In place of all of these, for who takes it (Request::takes_handed).
  std::shared_ptr<const Handed> handed;
  // Not null: the connection stays with this source until it ends. Sent in chunks, or as it is when
  // the headers say its Content-Length.
  std::unique_ptr<StreamSource> stream;
  // Not null: after the head (101 or 200) the connection carries raw bytes both ways. Only over
  // HTTP/1.1: in HTTP/2 there is nothing to take over.
  std::unique_ptr<Duplex> upgrade;
  // Not null: everything above is still to come, by its Reply.
  std::unique_ptr<PendingResponse> pending;

  void SetHeader(std::string name, std::string value) {
    headers.emplace(std::move(name), std::move(value));
  }
  std::string_view Header(std::string_view name) const;
};

// Answers requests; called on a worker, one call a request, many at once.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Response Handle(const Request& request) = 0;
};

// "Not Found"; "" for a code without a name.
std::string_view StatusText(int status);
// Percent-decoded; a '%' that starts no escape stays. '+' is a space where `plus_is_space`.
std::string UrlDecode(std::string_view text, bool plus_is_space);
// Splits "a=1&b" and decodes both sides, in order. As Go's servers do, it leaves out what is not
// well written: with a '%' that starts no escape, or a ';'.
std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query);
// Whether a comma-separated header value holds `token`, in any case.
bool HasToken(std::string_view value, std::string_view token);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

}  // namespace skiff::http
