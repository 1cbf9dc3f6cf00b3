import http from 'k6/http';
import { sleep } from 'k6';

export default function () {
  http.get(`${__ENV.TARGET_URL}/stock/A1`, { tags: { name: 'stock' } });
  sleep(0.05);
}
