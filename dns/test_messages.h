// For tests: queries as a client makes them, and replies as ldns, which is not ours, reads them.
#pragma once

#include <gtest/gtest.h>
#include <ldns/ldns.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "dns/message_writer.h"

namespace skiff::dns {

struct TestQuery {
  std::string name;
  uint16_t type = type::kA;
  uint16_t class_ = kClassIn;
  uint16_t id = 0x1234;
  uint16_t flags = flag::kRecursionDesired;
  int udp_bytes = -1;  // -1: no EDNS.
  bool dnssec_ok = false;
  uint8_t edns_version = 0;
};

inline std::vector<uint8_t> MakeQuery(const TestQuery& query) {
  std::vector<uint8_t> bytes(600);
  MessageWriter writer(bytes);
  writer.Start(query.id, query.flags);
  const auto name = Name::FromText(query.name);
  EXPECT_TRUE(name) << query.name;
  EXPECT_TRUE(writer.Question(name.value_or(Name()), query.type, query.class_));
  if (query.udp_bytes >= 0) {
    writer.Opt(static_cast<uint16_t>(query.udp_bytes), query.dnssec_ok, 0);
    bytes[writer.size() - 5] = query.edns_version;
  }
  bytes.resize(writer.size());
  return bytes;
}

// Records as in a zone file, with one space between fields: "web. 5 IN A 10.0.0.1".
struct TestReply {
  bool parsed = false;
  uint16_t id = 0;
  int rcode = -1;
  bool authoritative = false, truncated = false, recursion_available = false;
  bool recursion_desired = false;
  std::string question;
  std::vector<std::string> answer, authority, additional;
  bool edns = false;
  int edns_bytes = 0;
  int extended_rcode = 0;
  bool dnssec_ok = false;
  size_t bytes = 0;
};

inline std::vector<std::string> RecordTexts(const ldns_rr_list* list) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
    const std::unique_ptr<char, decltype(&free)> text(ldns_rr2str(ldns_rr_list_rr(list, i)), &free);
    // Data that its type does not allow has no text.
    std::string line = text ? text.get() : "unreadable";
    line.erase(line.find_last_not_of(" \n") + 1);
    std::replace(line.begin(), line.end(), '\t', ' ');
    texts.push_back(std::move(line));
  }
  return texts;
}

inline TestReply ReadReply(Bytes message) {
  TestReply reply;
  reply.bytes = message.size();
  ldns_pkt* raw = nullptr;
  if (ldns_wire2pkt(&raw, message.data(), message.size()) != LDNS_STATUS_OK) return reply;
  const std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)> packet(raw, &ldns_pkt_free);
  reply.parsed = true;
  reply.id = ldns_pkt_id(raw);
  reply.rcode = ldns_pkt_get_rcode(raw);
  reply.authoritative = ldns_pkt_aa(raw);
  reply.truncated = ldns_pkt_tc(raw);
  reply.recursion_available = ldns_pkt_ra(raw);
  reply.recursion_desired = ldns_pkt_rd(raw);
  const auto questions = RecordTexts(ldns_pkt_question(raw));
  if (!questions.empty()) reply.question = questions[0];
  reply.answer = RecordTexts(ldns_pkt_answer(raw));
  reply.authority = RecordTexts(ldns_pkt_authority(raw));
  reply.additional = RecordTexts(ldns_pkt_additional(raw));
  reply.edns = ldns_pkt_edns(raw);
  reply.edns_bytes = ldns_pkt_edns_udp_size(raw);
  reply.extended_rcode = ldns_pkt_edns_extended_rcode(raw);
  reply.dnssec_ok = ldns_pkt_edns_do(raw);
  return reply;
}

}  // namespace skiff::dns
