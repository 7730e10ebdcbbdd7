#include "base/pem_blocks.h"

#include <algorithm>

namespace skiff {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ";
constexpr std::string_view kEnd = "-----END ";
constexpr std::string_view kBlank = " \t\r\n";

// Where the next line begins with `mark`; npos.
size_t FindLine(std::string_view text, std::string_view mark, size_t from) {
  for (size_t at = text.find(mark, from); at != std::string_view::npos;
       at = text.find(mark, at + 1)) {
    if (at == 0 || text[at - 1] == '\n') return at;
  }
  return std::string_view::npos;
}

// Where a block that has this body ends: at its last line; npos: the next one begins before that.
// That may stand behind what is left of this one's last line.
size_t EndOfBlock(std::string_view pem, size_t body) {
  return FindLine(pem.substr(0, pem.find(kBegin, body)), kEnd, body);
}

// Behind the end of that line.
size_t NextLine(std::string_view text, size_t from) {
  const size_t end = text.find('\n', from);
  return end == std::string_view::npos ? text.size() : end + 1;
}

bool IsOfBase64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
         c == '/';
}

bool IsBase64(std::string_view body) {
  std::string text(body);
  std::erase_if(text, [](char c) { return kBlank.find(c) != std::string_view::npos; });
  if (text.size() % 4 != 0) return false;
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.pop_back();
  return std::ranges::all_of(text, IsOfBase64);
}

}  // namespace

std::string WithoutBrokenBlocks(std::string_view pem) {
  std::string kept;
  size_t taken = 0;  // Up to here.
  size_t next = 0;
  for (size_t begin = FindLine(pem, kBegin, 0); begin != std::string_view::npos; begin = next) {
    const size_t body = NextLine(pem, begin);
    next = FindLine(pem, kBegin, body);
    const size_t end = EndOfBlock(pem, body);
    if (end == std::string_view::npos || IsBase64(pem.substr(body, end - body))) continue;
    kept += pem.substr(taken, begin - taken);
    taken = NextLine(pem, end);
  }
  kept += pem.substr(taken);
  return kept;
}

std::vector<std::string_view> CertificateBlocks(std::string_view pem) {
  constexpr std::string_view kCertificate = "-----BEGIN CERTIFICATE-----";
  std::vector<std::string_view> blocks;
  for (size_t begin = FindLine(pem, kCertificate, 0); begin != std::string_view::npos;) {
    const size_t body = NextLine(pem, begin);
    const size_t end = EndOfBlock(pem, body);
    if (end != std::string_view::npos && IsBase64(pem.substr(body, end - body))) {
      blocks.push_back(pem.substr(begin, NextLine(pem, end) - begin));
    }
    begin = FindLine(pem, kCertificate, body);
  }
  return blocks;
}

}  // namespace skiff
