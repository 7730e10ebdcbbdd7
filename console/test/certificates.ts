// Certificates for tests.

export function pem(base64: string): string {
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`;
}

// Of other.example by its name, and of shop.example, *.shop.example and an address by its other names.
export const kNamed = pem('MIIBtzCCAV6gAwIBAgIUC+lkvdqwwADPr5vYaYYbAh8jJn4wCgYIKoZIzj0EAwIwGDEWMBQGA1UEAwwNb3RoZXIuZXhhbXBsZTAgFw0yNjExMz' +
  'AxNzUwMjZaGA8yMTI2MTEwNjE3NTAyNlowGDEWMBQGA1UEAwwNb3RoZXIuZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABDxOaGyU' +
  'BfdoNFK+JJRDik/IjGavBABgjXBXBepGG7YWtuetdT6zFG46kYZ36NrCeXSld6jau9Kqw38W0fOBinGjgYMwgYAwHQYDVR0OBBYEFIUZDqGa/L' +
  'OTqFG+TDSfwcQA5u8yMB8GA1UdIwQYMBaAFIUZDqGa/LOTqFG+TDSfwcQA5u8yMA8GA1UdEwEB/wQFMAMBAf8wLQYDVR0RBCYwJIIMc2hvcC5l' +
  'eGFtcGxlgg4qLnNob3AuZXhhbXBsZYcEwAACATAKBggqhkjOPQQDAgNHADBEAiB0RWs7PLkiq2NRT8YxFRS2GfV4JLNMjmzNb/FCYQaLvwIgUY' +
  'NuBNYuEvyDLZkTO4+JBwngGnzRQiSsQZZKtZRAbHo=');
// Of O=skiff, CN=old.example, without other names.
export const kOld = pem('MIIBoTCCAUegAwIBAgIUCWlLB+nKJYROCAW1R2rZJcySJmQwCgYIKoZIzj0EAwIwJjEOMAwGA1UECgwFc2tpZmYxFDASBgNVBAMMC29sZC5leG' +
  'FtcGxlMB4XDTI2MTEzMDE3NTAyNloXDTI2MTIzMDE3NTAyNlowJjEOMAwGA1UECgwFc2tpZmYxFDASBgNVBAMMC29sZC5leGFtcGxlMFkwEwYH' +
  'KoZIzj0CAQYIKoZIzj0DAQcDQgAER0FMzIVmEvwm8eUOhMloxSVXr55dB+gLglxcwAgdtyox8EhhD4VjfCPb0Pw8uIpxtE54VaNYZvD1mcS4X2' +
  '2tmqNTMFEwHQYDVR0OBBYEFP6cwvWPX6AQBiNLMYG3wulQ3N06MB8GA1UdIwQYMBaAFP6cwvWPX6AQBiNLMYG3wulQ3N06MA8GA1UdEwEB/wQF' +
  'MAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgHqDLmSqhDTvbOydH+UfA+L5sY4bsmmUgama65QuwXBoCIQCrIUjJ5AweK0uGQmYSeq7xqBTeyLeyom' +
  'y/CcYJsAy48g==');
