#include "apiserver/identity/tls_words.h"

#include <string_view>

namespace skiff {

std::string TlsInGoWords(std::string text, const std::string& name) {
  constexpr std::string_view kTls = "tls: ";
  if (!text.starts_with(kTls)) return text;
  const std::string why = text.substr(kTls.size());
  const std::string verify = "tls: failed to verify certificate: x509: ";
  if (why.starts_with("self") || why.starts_with("unable to")) {
    return verify + "certificate signed by unknown authority";
  }
  if (why == "certificate has expired" || why == "certificate is not yet valid") {
    return verify + "certificate has expired or is not yet valid";
  }
  if (why.find("mismatch") != std::string::npos) {
    return verify + "certificate is not valid for " + name;
  }
  return text;
}

}  // namespace skiff
