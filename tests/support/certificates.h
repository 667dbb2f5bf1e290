// Certificates of a test's own, made by OpenSSL: an authority, and what it signs.
#pragma once
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

namespace slotless::test {

struct CertificateWish {
  std::string commonName;
  std::string alternativeNames = {};  // "DNS:a.example,IP:127.0.0.1,URI:x"; empty: none
  long validForSeconds = 3600;        // negative: it has ended
};

// Ownership: of the key and certificate; written as PEM.
class Certificate {
 public:
  // Signed by itself, and good for signing others.
  explicit Certificate(const CertificateWish& wish) : Certificate(wish, nullptr) {}
  Certificate(const CertificateWish& wish, const Certificate& authority) : Certificate(wish, &authority) {}
  ~Certificate() {
    X509_free(certificate_);
    EVP_PKEY_free(key_);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  std::string write(const std::string& path) const {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), &std::fclose);
    if (!file || PEM_write_X509(file.get(), certificate_) != 1) throw std::runtime_error("no certificate");
    return path;
  }
  std::string writeKey(const std::string& path) const {
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "w"), &std::fclose);
    if (!file || PEM_write_PrivateKey(file.get(), key_, nullptr, nullptr, 0, nullptr, nullptr) != 1)
      throw std::runtime_error("no key");
    return path;
  }

 private:
  Certificate(const CertificateWish& wish, const Certificate* authority)
      : key_(EVP_EC_gen("P-256")), certificate_(X509_new()) {
    static long serial = 0;
    X509_set_version(certificate_, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate_), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate_), wish.validForSeconds);
    X509_NAME* name = X509_get_subject_name(certificate_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(wish.commonName.c_str()), -1, -1, 0);
    const Certificate& issuer = authority == nullptr ? *this : *authority;
    X509_set_issuer_name(certificate_, X509_get_subject_name(issuer.certificate_));
    X509_set_pubkey(certificate_, key_);
    add(NID_basic_constraints, authority == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
    if (!wish.alternativeNames.empty()) add(NID_subject_alt_name, wish.alternativeNames);
    if (X509_sign(certificate_, issuer.key_, EVP_sha256()) == 0) throw std::runtime_error("not signed");
  }
  void add(int id, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate_, certificate_, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
    if (extension == nullptr) throw std::runtime_error("no extension: " + value);
    X509_add_ext(certificate_, extension, -1);
    X509_EXTENSION_free(extension);
  }

  EVP_PKEY* key_;
  X509* certificate_;
};

}  // namespace slotless::test
