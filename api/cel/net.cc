#include "api/cel/net.h"

#include <algorithm>
#include <charconv>

#include "api/text/go_text.h"

namespace skiff::cel {
namespace {

// Reads one address; what is wrong is said of the whole text.
class AddressReader {
 public:
  explicit AddressReader(std::string_view text) : text_(text) {}

  ReadAddress Read() {
    const size_t sign = text_.find_first_of(".:%");
    if (sign == std::string_view::npos) {
      Wrong("unable to parse IP");
    } else if (text_[sign] == '.') {
      ReadIpv4(text_, out_.address.bytes.data());
    } else if (text_[sign] == ':') {
      out_.address.v6 = true;
      ReadIpv6();
    } else {
      Wrong("missing IPv6 address");
    }
    return out_;
  }

 private:
  void Wrong(const std::string& what, std::string_view at = {}) {
    out_.error = "ParseAddr(" + GoQuote(text_) + "): " + what;
    if (!at.empty()) out_.error += " (at " + GoQuote(at) + ")";
  }

  bool Failed() const { return !out_.error.empty(); }

  void ReadIpv4(std::string_view s, uint8_t* fields) {
    int value = 0;
    int digits = 0;
    int field = 0;
    for (size_t i = 0; i < s.size(); ++i) {
      if (s[i] >= '0' && s[i] <= '9') {
        if (digits == 1 && value == 0) return Wrong("IPv4 field has octet with leading zero");
        value = value * 10 + (s[i] - '0');
        ++digits;
        if (value > 255) return Wrong("IPv4 field has value >255");
      } else if (s[i] == '.') {
        if (i == 0 || i + 1 == s.size() || s[i - 1] == '.') {
          return Wrong("IPv4 field must have at least one digit", s.substr(i));
        }
        if (field == 3) return Wrong("IPv4 address too long");
        fields[field++] = static_cast<uint8_t>(value);
        value = 0;
        digits = 0;
      } else {
        return Wrong("unexpected character", s.substr(i));
      }
    }
    if (field < 3) return Wrong("IPv4 address too short");
    fields[3] = static_cast<uint8_t>(value);
  }

  void ReadIpv6() {
    std::string_view s = text_;
    if (const size_t percent = s.find('%'); percent != std::string_view::npos) {
      out_.has_zone = true;
      if (percent + 1 == s.size()) return Wrong("zone must be a non-empty string");
      s = s.substr(0, percent);
    }
    if (s.starts_with("::")) {
      gap_ = 0;
      s.remove_prefix(2);
    }
    while (!Failed() && !s.empty() && filled_ < 16) ReadGroup(s);
    if (Failed()) return;
    if (!s.empty()) return Wrong("trailing garbage after address", s);
    if (filled_ == 16 && gap_ >= 0) {
      return Wrong("the :: must expand to at least one field of zeros");
    }
    if (filled_ < 16 && gap_ < 0) return Wrong("address string too short");
    auto& bytes = out_.address.bytes;
    if (gap_ >= 0) std::rotate(bytes.begin() + gap_, bytes.begin() + filled_, bytes.end());
    const bool zeros =
        std::all_of(bytes.begin(), bytes.begin() + 10, [](uint8_t byte) { return byte == 0; });
    out_.maps_ipv4 = zeros && bytes[10] == 0xff && bytes[11] == 0xff;
  }

  // One group of digits and the colon after it, or the IPv4 address at the end.
  void ReadGroup(std::string_view& s) {
    size_t digits = 0;
    while (digits < s.size() && std::isxdigit(static_cast<unsigned char>(s[digits])) != 0) {
      if (digits > 3) return Wrong("each group must have 4 or less digits", s);
      ++digits;
    }
    if (digits == 0) {
      return Wrong("each colon-separated field must have at least one digit", s);
    }
    auto& bytes = out_.address.bytes;
    if (digits < s.size() && s[digits] == '.') {
      if (gap_ < 0 && filled_ != 12) {
        return Wrong("embedded IPv4 address must replace the final 2 fields of the address", s);
      }
      if (filled_ + 4 > 16) {
        return Wrong("too many hex fields to fit an embedded IPv4 at the end of the address", s);
      }
      ReadIpv4(s, bytes.data() + filled_);
      filled_ += 4;
      s = {};
      return;
    }
    unsigned value = 0;
    std::from_chars(s.data(), s.data() + digits, value, 16);
    bytes[filled_++] = static_cast<uint8_t>(value >> 8);
    bytes[filled_++] = static_cast<uint8_t>(value);
    s.remove_prefix(digits);
    if (s.empty()) return;
    if (s[0] != ':') return Wrong("unexpected character, want colon", s);
    if (s.size() == 1) return Wrong("colon must be followed by more characters", s);
    s.remove_prefix(1);
    if (s[0] != ':') return;
    if (gap_ >= 0) return Wrong("multiple :: in address", s);
    gap_ = filled_;
    s.remove_prefix(1);
  }

  std::string_view text_;
  ReadAddress out_;
  int filled_ = 0;  // Bytes.
  int gap_ = -1;    // Where "::" stands.
};

}  // namespace

ReadAddress ParseAddress(std::string_view text) {
  return AddressReader(text).Read();
}

ReadPrefix ParsePrefix(std::string_view text) {
  ReadPrefix out;
  const auto wrong = [&](const std::string& what) {
    out.error = "netip.ParsePrefix(" + GoQuote(text) + "): " + what;
    return out;
  };
  const size_t slash = text.rfind('/');
  if (slash == std::string_view::npos) return wrong("no '/'");
  const ReadAddress read = ParseAddress(text.substr(0, slash));
  if (!read.error.empty()) return wrong(read.error);
  if (read.has_zone) return wrong("IPv6 zones cannot be present in a prefix");
  const std::string_view bits = text.substr(slash + 1);
  int length = 0;
  const auto end = bits.data() + bits.size();
  const auto number = std::from_chars(bits.data(), end, length);
  const bool padded = bits.size() > 1 && (bits[0] < '1' || bits[0] > '9');
  if (padded || bits.empty() || number.ptr != end || number.ec != std::errc()) {
    return wrong("bad bits after slash: " + GoQuote(bits));
  }
  if (length < 0 || length > static_cast<int>(read.address.bit_count())) {
    return wrong("prefix length out of range");
  }
  out.prefix = {.address = read.address, .prefix_length = length};
  out.maps_ipv4 = read.maps_ipv4;
  return out;
}

}  // namespace skiff::cel
