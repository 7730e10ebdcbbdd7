// `skiff certs all`: the authority, certificates and kubeconfigs of a control plane whose programs
// run apart from each other, where kubeadm would put them.
//
//   pki/ca.crt, ca.key                          the authority
//   pki/apiserver.crt, .key                     what the API server shows
//   pki/apiserver-kubelet-client.crt, .key      what it shows to kubelets
//   pki/front-proxy-ca.crt, .key                the authority of the next
//   pki/front-proxy-client.crt, .key            what it shows to API servers behind it
//   pki/sa.pub, sa.key                          what signs the tokens of service accounts
//   admin.conf, controller-manager.conf, scheduler.conf, kubelet.conf, kube-proxy.conf
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace skiff {

struct CertsOptions {
  std::string cert_dir = "/etc/kubernetes/pki";
  std::string kubeconfig_dir = "/etc/kubernetes";
  std::string node_name;          // Whose kubelet.conf it is; "": the host's name.
  std::string advertise_address;  // Of the API server; "": this machine's.
  int bind_port = 6443;
  std::vector<std::string> extra_sans;  // More names and addresses of the API server.
  std::string control_plane_endpoint;   // HOST:PORT in kubeconfigs; "": 127.0.0.1, that port.
  std::string service_cidr = "10.96.0.0/16";
  std::string service_dns_domain = "cluster.local";
};

// Writes what is not there, is about to expire, or is for others than the options say; the
// authority and the key of service accounts stay for good. `told` gets a line a file. Invalid names
// the flag.
Result<> WriteCerts(const CertsOptions& options, TimePoint now,
                    const std::function<void(const std::string& line)>& told);

int CertsMain(const std::vector<std::string>& args);

}  // namespace skiff
