// The answer to a query about the cluster's own names, after the Kubernetes DNS specification 1.1.0
// and CoreDNS where that is silent. Pure: bytes and a view in, bytes out.
//
//   web.prod.svc.Z              A, AAAA of the service; headless: of its ready endpoints
//   10-0-0-1.web.prod.svc.Z     A, AAAA of one endpoint, by host name or address
//   _http._tcp.web.prod.svc.Z   SRV
//   10-0-0-1.prod.pod.Z         A, AAAA: the address itself
//   1.0.0.10.in-addr.arpa       PTR
//   dns-version.Z  ns.dns.Z  Z  TXT; A, AAAA; SOA, NS
//
// Whatever else is asked belongs to others and is forwarded.
#pragma once

#include <vector>

#include "dns/message_writer.h"
#include "dns/query.h"
#include "dns/view.h"

namespace skiff::dns {

struct ZoneOptions {
  Name zone;                      // "cluster.local.", in lower case.
  uint32_t ttl_s = 5;             // Of every record, and of answers that there is none.
  uint16_t udp_bytes_max = 1232;  // The most that one datagram of ours holds.
  bool forwards = true;           // Somebody answers what is not ours.
  // The service whose addresses the zone's name server has.
  std::string server_namespace = "kube-system";
  std::string server_name = "kube-dns";
};

struct Outcome {
  enum class Kind : uint8_t {
    kReply,    // `message` is to be sent.
    kDrop,     // Nothing is.
    kForward,  // Others know `targets.back()`, or the question itself when there are no targets.
  };
  Kind kind = Kind::kDrop;
  Bytes message = {};
  // Where aliases led, in order; the first is that of the question's name.
  std::vector<Name> targets;
};

// How many aliases are followed before they count as a loop.
inline constexpr size_t kAliasesMax = 8;

// How many bytes the answer to this client may have.
size_t ReplyBytesMax(const Query& query, bool tcp, const ZoneOptions& options);

// `view` is null until the cluster is known: its names are then answered with SERVFAIL, so that
// nobody takes them for missing. `random` orders addresses. `space` holds kMessageBytesMax for TCP,
// else `options.udp_bytes_max`. `query` is filled as far as it could be read.
Outcome Answer(Bytes message, const View* view, const ZoneOptions& options, bool tcp,
               uint64_t random, std::span<uint8_t> space, Query* query);

// An answer without records.
Bytes ReplyWithCode(const Query& query, Rcode rcode, const ZoneOptions& options,
                    std::span<uint8_t> space);

// What every reply to the query has in its flags.
uint16_t ReplyFlags(const Query& query, const ZoneOptions& options);

// Closes a reply: adds OPT when the query had one.
void AddOpt(const Query& query, const ZoneOptions& options, uint8_t extended_rcode,
            MessageWriter& writer);

}  // namespace skiff::dns
