/* crypto.h, against published vectors and certificates made by the openssl program. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sluice/buf.h"
#include "sluice/crypto.h"
#include "sluice/file.h"
#include "sluice/text.h"
#include "test.h"

TEST(digests_are_those_of_fips_180_4)
{
    struct buf hex SL_CLEANUP(buf_clear) = {0};
    char sha256[65];
    uint8_t raw[CRYPTO_HASH_BYTES_MAX];

    crypto_sha256_hex("abc", 3, sha256);
    assert_string_equal(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    crypto_sha256_hex(NULL, 0, sha256);
    assert_string_equal(sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    crypto_sha1("abc", 3, raw);
    text_add_hex(&hex, raw, CRYPTO_SHA1_BYTES);
    assert_string_equal(buf_str(&hex), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_int_equal(crypto_digest(CRYPTO_SHA512, "abc", 3, raw), 64);
    assert_memory_equal(raw, "\xdd\xaf\x35\xa1\x93\x61\x7a\xba", 8);
}

TEST(hmac_is_that_of_rfc_4231)
{
    char hex[65];
    uint8_t key[131];

    crypto_hmac_sha256_hex("Jefe", 4, "what do ya want for nothing?", 28, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    crypto_hmac_sha256_hex(key, sizeof key,
                           "Test Using Larger Than Block-Size Key - Hash Key First", 54, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    crypto_hmac_sha256_hex(NULL, 0, NULL, 0, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(compares_whole_values)
{
    assert_true(crypto_equal("abc", 3, "abc", 3));
    assert_false(crypto_equal("abc", 3, "abd", 3));
    assert_false(crypto_equal("abc", 3, "abcd", 4));
    assert_true(crypto_equal("", 0, "", 0));
}

TEST(a_uuid_has_its_version_and_variant_and_is_new_each_time)
{
    char a[CRYPTO_UUID_CHARS + 1], b[CRYPTO_UUID_CHARS + 1];
    int i;

    for (i = 0; i < 100; i++) {
        crypto_uuid4(a);
        crypto_uuid4(b);
        assert_int_equal(strlen(a), CRYPTO_UUID_CHARS);
        assert_int_equal(strspn(a, "0123456789abcdef-"), CRYPTO_UUID_CHARS);
        assert_int_equal(a[14], '4');
        assert_non_null(strchr("89ab", a[19]));
        assert_string_not_equal(a, b);
    }
}

/* Runs openssl in a directory of its own; returns the certificate made there. */
static void make_cert(struct buf *pem, const char *extra)
{
    char dir[] = "/tmp/sluice-test-XXXXXX", command[1024], path[64];
    struct err err = {0};

    assert_non_null(mkdtemp(dir));
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
             "-keyout key.pem -out cert.pem %s >/dev/null 2>&1",
             dir, extra);
    assert_int_equal(system(command), 0);
    snprintf(path, sizeof path, "%s/cert.pem", dir);
    assert_true(file_read(pem, path, 65536, &err));
    snprintf(command, sizeof command, "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

TEST(reads_the_fields_of_a_certificate)
{
    struct buf pem SL_CLEANUP(buf_clear) = {0};
    struct crypto_cert cert SL_CLEANUP(crypto_cert_clear) = {0};
    struct err err = {0};

    make_cert(&pem, "-days 10 -subj '/O=Ex\xc3\xa4mple/CN=www.example.com' -addext "
                    "subjectAltName=DNS:www.example.com,IP:192.0.2.1,IP:2001:db8::1,email:a@b.c");
    assert_true(crypto_cert_parse(&cert, pem.data, pem.len, &err));
    assert_string_equal(cert.subject_cn, "www.example.com");
    assert_non_null(strstr(cert.issuer, "CN=www.example.com"));
    assert_int_equal(cert.sans_n, 3);
    assert_string_equal(cert.sans[0], "www.example.com");
    assert_string_equal(cert.sans[1], "192.0.2.1");
    assert_string_equal(cert.sans[2], "2001:db8::1");
    assert_int_equal(cert.not_after_ms - cert.not_before_ms, INT64_C(10) * 86400 * 1000);
    assert_int_equal(strlen(cert.sha256), 64);
}

TEST(a_certificate_without_names_has_none)
{
    struct buf pem SL_CLEANUP(buf_clear) = {0};
    struct crypto_cert cert SL_CLEANUP(crypto_cert_clear) = {0};
    struct err err = {0};

    make_cert(&pem, "-days 1 -subj /O=x");
    assert_true(crypto_cert_parse(&cert, pem.data, pem.len, &err));
    assert_null(cert.subject_cn);
    assert_int_equal(cert.sans_n, 0);
}

TEST(what_is_no_certificate_is_an_error)
{
    static const char *const bad[] = {
        "",
        "hello",
        "0\x82\x01",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,00\n\nAAAA\n"
         "-----END CERTIFICATE-----\n"),
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(bad); i++) {
        struct crypto_cert cert = {0};
        struct err err = {0};

        assert_false(crypto_cert_parse(&cert, bad[i], strlen(bad[i]), &err));
        assert_int_equal(err.kind, ERR_PROTOCOL);
        crypto_cert_clear(&cert);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_fips_180_4),
        cmocka_unit_test(hmac_is_that_of_rfc_4231),
        cmocka_unit_test(compares_whole_values),
        cmocka_unit_test(a_uuid_has_its_version_and_variant_and_is_new_each_time),
        cmocka_unit_test(reads_the_fields_of_a_certificate),
        cmocka_unit_test(a_certificate_without_names_has_none),
        cmocka_unit_test(what_is_no_certificate_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
