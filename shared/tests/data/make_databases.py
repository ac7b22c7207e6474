"""Writes the tiny MaxMind databases beside this file: `pip install mmdb_writer`, then run it.

They hold addresses reserved for documentation (RFC 5737, RFC 3849) and made-up places.
"""

from netaddr import IPSet
from mmdb_writer import MMDBWriter


def place(country, city=None, region=None):
    entry = {"country": {"iso_code": country, "names": {"en": country}}}
    if city:
        entry["city"] = {"names": {"en": city, "de": f"{city} (de)"}}
    if region:
        entry["subdivisions"] = [{"iso_code": "XX", "names": {"en": region}}]
    return entry


def write(file, kind, entries, version=6):
    writer = MMDBWriter(version, kind, languages=["en"], description=kind, ipv4_compatible=version == 6)
    for network, entry in entries.items():
        writer.insert_network(IPSet([network]), entry)
    writer.to_db_file(file)


write("documentation-ranges.mmdb", "Documentation-City", {
    "192.0.2.0/24": place("CH", "Zurich", "Zurich"),
    "198.51.100.0/24": place("NZ"),
    "203.0.113.0/24": {"location": {"time_zone": "Etc/UTC"}},
    "2001:db8::/32": place("BR", "São Paulo", "São Paulo"),
})
write("documentation-networks.mmdb", "Documentation-ASN", {
    "192.0.2.0/24": {"autonomous_system_organization": "Documentation"},
})
# As the packages of ip-location-db are: texts beside each other, and files for one version of IP.
write("flat-city.mmdb", "city ipv4", {
    "192.0.2.0/24": {"city": "Zurich", "country_code": "CH", "latitude": 47.4, "longitude": 8.5, "postcode": "",
                     "state1": "Zurich", "state2": "", "timezone": ""},
    "198.51.100.0/24": {"city": "", "country_code": "NZ", "state1": ""},
    "203.0.113.0/24": {"city": "", "country_code": "ZZ", "state1": ""},
}, version=4)
# As IPinfo's are: Lite with the country's name beside its code, larger ones with the code alone.
write("flat-country.mmdb", "ipinfo generic_lite.mmdb", {
    "192.0.2.0/24": {"asn": "AS64496", "as_name": "Documentation", "continent": "Europe", "continent_code": "EU",
                     "country": "Switzerland", "country_code": "CH"},
    "2001:db8::/32": {"country": "BR", "region": "São Paulo"},
})
