// The heads of HTTP/2: fields in, a RequestHead out, by the rules of RFC 9113 and as strict as
// HTTP/1.1's are read here. Pure. Internal.
//
//   Http2HeadReader reader(1 << 20);
//   reader.Add(":method", "GET"); reader.Add(":path", "/a?b=1"); ...
//   switch (reader.Finish(head, fault)) ...
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/head.h"
#include "http/message.h"

namespace skiff::http {

using Http2Fields = std::vector<std::pair<std::string, std::string>>;

// Reads one head, field by field.
class Http2HeadReader {
 public:
  enum class Verdict {
    kTaken,      // A request.
    kRefused,    // None, and an answer says why.
    kMalformed,  // Not HTTP: the stream is reset, as Go resets it.
  };

  // Past `bytes_max`, counted as RFC 9113 counts (32 a field beside its text), the head is refused
  // with 431 and none of it is kept.
  explicit Http2HeadReader(size_t bytes_max) : bytes_max_(bytes_max) {}

  void Add(std::string_view name, std::string_view value);
  // How much has come, kept or not.
  size_t bytes() const { return bytes_; }
  // How much of it is kept.
  size_t held_bytes() const { return too_large_ ? 0 : bytes_; }
  // Fills in `head` when it was taken, and `fault` when it was refused. Once, after the last field.
  Verdict Finish(RequestHead& head, HeadFault& fault);

 private:
  void AddPseudo(std::string_view name, std::string_view value);
  bool IsWellFormed() const;

  const size_t bytes_max_;
  size_t bytes_ = 0;
  bool too_large_ = false;
  bool malformed_ = false;
  RequestHead head_;
  std::string scheme_;
  std::string authority_;
};

// The fields of an answer's head; those that only make sense on a connection of HTTP/1.1 are left
// out.
Http2Fields Http2ResponseFields(const Response& response, const Framing& framing);

}  // namespace skiff::http
